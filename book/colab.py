# Alone on Colab, a notebook fetches and installs the repository it came from.
import os
from pathlib import Path

if "COLAB_JUPYTER_IP" in os.environ and Path.cwd().name != "chapters":
    if not Path("book").exists():
        import json
        import re
        import subprocess
        from urllib.parse import unquote
        from urllib.request import urlopen

        server = f"http://{os.environ['COLAB_JUPYTER_IP']}:9000"
        session = json.load(urlopen(f"{server}/api/sessions"))[0]
        wanted = r"(https://github\.com/.+?)/blob/(.+)/chapters/"
        found = re.search(wanted, unquote(session["path"]))
        assert found, "open this notebook from GitHub: File, Open notebook"
        clone = f"git clone -q --depth 1 -b {found[2]} {found[1]} book"
        for command in (clone, "pip install -q ./book[all]"):
            subprocess.run(command.split(), check=True)
    os.chdir("book/chapters")
