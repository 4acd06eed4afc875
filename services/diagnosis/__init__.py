"""Diagnosis: `flask doctor`, `flask explain` and the comparison of two providers, without a terminal."""
