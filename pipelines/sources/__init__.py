"""Input kinds: how the files of each are listed, opened, read and turned into documents."""
