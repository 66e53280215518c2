"""The commands, one a file. A command reads its options, calls the parts beside this folder, and prints."""
