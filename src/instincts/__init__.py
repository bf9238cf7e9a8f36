"""Find out how safe an open-weights model is, make it safer with what it carries inside, and prove the difference."""

__all__ = ["__version__"]

__version__ = "0.1.0"
