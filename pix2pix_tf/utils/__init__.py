"""General utilities without domain knowledge: errors, command lines, files, processes, TensorFlow versions."""
