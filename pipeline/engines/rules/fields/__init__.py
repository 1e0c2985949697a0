"""Reading the fields of a document: what stands at their labels, and which of it agrees best."""
