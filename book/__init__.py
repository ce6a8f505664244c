"""What turns the chapters into pages: the build, the stored outputs, the claim ledger, finished pages."""
