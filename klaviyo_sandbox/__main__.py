"""`python -m klaviyo_sandbox`."""

from klaviyo_sandbox.command import main

if __name__ == "__main__":
    main()
