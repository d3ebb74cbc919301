"""The command line and the plugin, as a user runs them."""
