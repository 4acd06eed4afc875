"""The diagnosis behind `flask doctor` and `flask explain`."""
