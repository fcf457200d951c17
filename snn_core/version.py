"""The version of SpikeDrive."""

VERSION = "0.1.0"
