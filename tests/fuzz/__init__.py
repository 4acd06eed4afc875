"""Machines that try to break the service: strategies for Hypothesis, and targets of a coverage-guided fuzzer.

A target is a function of bytes that raises AssertionError if the service fails or admits a request that it must deny.
`make test` runs each target with a fixed number of inputs, `make fuzz` with Atheris for as long as you want.
"""
