"""SavedModels: written, checked, versioned, loaded."""
