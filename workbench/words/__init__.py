"""How it is said: sentences and lines that window, command line and report share. Free of Qt."""
