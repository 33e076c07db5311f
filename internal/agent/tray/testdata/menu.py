# Reads and clicks a menu with libdbusmenu, as the panels of Xfce, MATE, Cinnamon and GNOME's extension do. Each line of the input is "dump", which is answered by
# the whole menu as JSON, or "click LABEL", which is not answered.
import json
import sys

import gi

gi.require_version("Dbusmenu", "0.4")
from gi.repository import Dbusmenu, GLib  # noqa: E402

client = Dbusmenu.Client.new(sys.argv[1], sys.argv[2])
loop = GLib.MainLoop()


def tree(entry):
    out = []
    for x in entry.get_children():
        out.append(
            {
                "Label": x.property_get("label") or "",
                "Separator": x.property_get("type") == "separator",
                "Enabled": x.property_get_bool("enabled"),
                "State": x.property_get_int("toggle-state"),
                "Icon": len(x.property_get_byte_array("icon-data") or b""),
                "Below": tree(x),
            }
        )
    return out


def find(entry, label):
    for x in entry.get_children():
        if x.property_get("label") == label:
            return x
        found = find(x, label)
        if found:
            return found
    return None


def said(source, condition):
    line = sys.stdin.readline()
    if not line:
        loop.quit()
        return False
    root = client.get_root()
    word, _, label = line.strip().partition(" ")
    if word == "dump":
        print(json.dumps(tree(root) if root else []), flush=True)
    elif root:
        entry = find(root, label)
        if entry:
            entry.handle_event("clicked", GLib.Variant("i", 0), 0)
    return True


GLib.io_add_watch(0, GLib.IO_IN | GLib.IO_HUP, said)
loop.run()
