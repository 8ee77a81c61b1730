"""Opens a folder of a grant, and from there a file above the grant."""
import os

folder = os.open("read/sub", os.O_RDONLY | os.O_DIRECTORY)
os.open("../../secret", os.O_RDONLY, dir_fd=folder)
