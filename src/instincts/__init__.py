"""Find out how safe an open-weights language model is, make it safer with what it carries inside, prove the difference."""

__all__ = ["__version__"]

__version__ = "0.1.0"
