"""What we do: authenticate, issue, guard. HTTP is known only to the guard."""
