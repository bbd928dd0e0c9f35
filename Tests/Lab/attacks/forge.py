#!/usr/bin/python3
"""forge.py KIND KEPT FOLDER CANARY ID: makes FOLDER, a `.stillpoint` of a tenant's own, after root's (KEPT holds a copy of
the folder of one VM) and changes it so that a restore that believed it would hurt the host, or another VM of that ID."""
import json
import os
import re
import shutil
import sys

kind, kept, folder, canary, other = sys.argv[1:]
with open(f"{kept}/machine.json") as file:
    machine = json.load(file)
with open(f"{kept}/definition.xml") as file:
    xml = file.read()
own = machine["id"]


def put_variables(path):
    global xml
    firmware = f"<loader readonly='yes' type='pflash'>/usr/share/seabios/bios-256k.bin</loader><nvram>{path}</nvram>"
    xml = re.sub(r"<nvram.*?</nvram>|<loader.*?</loader>", "", xml, flags=re.S).replace("</os>", firmware + "</os>")
    machine["files"] = ["nvram"]


def put_device(text):
    global xml
    xml = xml.replace("</devices>", text + "</devices>")


match kind:
    case "variables":
        put_variables(f"{canary}/any.sh")
    case "link":
        put_variables("/var/lib/libvirt/qemu/nvram/pwn_VARS.fd")
    case "script":
        put_device(f"<interface type='ethernet'><script path='{os.path.dirname(folder)}/evil.sh'/></interface>")
    case "emulator":
        put_device(f"<emulator>{os.path.dirname(folder)}/evil.sh</emulator>")
    case "disk":
        put_device(
            f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{canary}/secret'/>"
            "<target dev='vdz' bus='virtio'/></disk>")
    case "relative":
        for image in machine["images"]:
            image["relativePath"] = "../../.." + canary + "/secret"
    case "absolute":
        for image in machine["images"]:
            image["relativePath"] = canary + "/secret"
    case "foreign":
        machine["id"] = other
        xml = xml.replace(own, other)
    case "deep":
        xml = xml.replace("</devices>", "</devices><metadata>" + "<a>" * 100_000 + "</a>" * 100_000 + "</metadata>")
    case _:
        sys.exit(f"no such forgery: {kind}")

place = f"{folder}/{machine['id']}"
os.makedirs(f"{place}/files", 0o755)
with open(f"{place}/machine.json", "w") as file:
    json.dump(machine, file)
with open(f"{place}/definition.xml", "w") as file:
    file.write(xml)
# A seal of another VM's, or of an earlier run, is the best that a tenant can have.
for name in os.listdir(kept):
    if name not in ("machine.json", "definition.xml", "files"):
        shutil.copy(f"{kept}/{name}", f"{place}/{name}")
if kind == "link":
    os.symlink(f"{canary}/secret", f"{place}/files/nvram")
elif kind == "variables":
    with open(f"{place}/files/nvram", "w") as file:
        file.write("#!/bin/sh\ntouch /evil\n")
    os.chmod(f"{place}/files/nvram", 0o4755)
script = f"{os.path.dirname(folder)}/evil.sh"
with open(script, "w") as file:
    file.write(f"#!/bin/sh\nid >{canary}/ran\n")
os.chmod(script, 0o755)
