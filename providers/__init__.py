"""Who are you? One file or folder for each store, and the interface that they all keep."""
