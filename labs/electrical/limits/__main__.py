"""`python -m labs.electrical.limits`: write the published schema anew, when a meter has changed."""

from labs.electrical.limits.published import FILE, schema_text

if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
    print(f"written: {FILE.name}")
