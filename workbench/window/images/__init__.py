"""Pictures of images: where they are read, how they are shown."""
