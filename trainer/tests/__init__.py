import os

# Before anything imports tqdm, which reads it once.
os.environ["TQDM_DISABLE"] = "1"
