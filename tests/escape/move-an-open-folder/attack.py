"""Opens a folder, moves it one up, and goes up twice from it."""
import os

folder = os.open("write/a/b", os.O_RDONLY | os.O_DIRECTORY)
os.rename("write/a/b", "write/b")
os.open("../../secret", os.O_RDONLY, dir_fd=folder)
