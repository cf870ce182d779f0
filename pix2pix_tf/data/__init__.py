"""From raw scenes to batches: masks, simulated scenes, data sets on disk, the tf.data pipeline."""
