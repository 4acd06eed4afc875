"""What every provider has to do, as rules: for the contract tests and for `flask providers check`."""
