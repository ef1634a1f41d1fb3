"""What a developer or a test needs beside the library: an object store and a Trino on loopback."""
