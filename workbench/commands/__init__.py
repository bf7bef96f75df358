"""Commands of ``cifar-workbench`` that have a file of their own. They know no Qt."""
