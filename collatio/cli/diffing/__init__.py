"""`collatio diff` without a mesh: two documents or two folders, read, compared and shown in this process."""
