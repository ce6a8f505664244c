# Alone on Colab, a notebook fetches and installs the repository it came from.
# A copy in Drive does not know it: write its address on GitHub between the
# quotes, as https://github.com/NAME/REPOSITORY/blob/BRANCH/chapters/
import os
from pathlib import Path

ADDRESS = ""
if "COLAB_JUPYTER_IP" in os.environ and Path.cwd().name != "chapters":
    if not Path("book").exists():
        import json
        import re
        import shutil
        import subprocess
        from urllib.parse import unquote
        from urllib.request import urlopen

        server = f"http://{os.environ['COLAB_JUPYTER_IP']}:9000"
        session = json.load(urlopen(f"{server}/api/sessions"))[0]
        wanted = r"(https://github\.com/.+?)/blob/(.+)/chapters/"
        found = re.search(wanted, ADDRESS or unquote(session["path"]))
        assert found, "give the ADDRESS above, or open this from GitHub"
        shutil.rmtree("try", ignore_errors=True)  # an earlier one that failed
        clone = f"git clone -q --depth 1 -b {found[2]} {found[1]} try"
        for command in (clone, "pip install -q ./try[all]"):
            subprocess.run(command.split(), check=True)
        Path("try").rename("book")  # only now is nothing missing
    os.chdir("book/chapters")
    exec(Path("../book/letters.py").read_text())  # figures as on the page
