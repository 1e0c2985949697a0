"""The engines that read a page; chosen by name through the registry."""
