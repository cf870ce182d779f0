"""SavedModels: their signatures, writing, checking, versions and loading."""
