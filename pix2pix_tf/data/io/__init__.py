"""Reading and writing of image files: validated, with bounded memory, large ones in strips of rows."""
