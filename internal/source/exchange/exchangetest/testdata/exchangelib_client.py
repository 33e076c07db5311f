"""Goes through a calendar as exchangelib does, and says what it finds. Any error ends it with a status."""

import sys
import warnings
from datetime import timedelta

warnings.filterwarnings("ignore")

from exchangelib import (
    BASIC, DELEGATE, IMPERSONATION, NTLM, Account, CalendarItem, Configuration, Credentials, EWSDate, EWSDateTime, EWSTimeZone,
)
from exchangelib.errors import ErrorItemNotFound
from exchangelib.recurrence import DailyPattern, Recurrence, WeeklyPattern
from exchangelib.properties import MailboxData

url, user, secret, target, how = sys.argv[1:6]
config = Configuration(service_endpoint=url, credentials=Credentials(user, secret), auth_type=NTLM if how == "ntlm" else BASIC)
account = Account(
    target, config=config, autodiscover=False, default_timezone=EWSTimeZone("Europe/Berlin"),
    access_type=DELEGATE if user.endswith(target.split("@")[0]) or user == target else IMPERSONATION,
)
tz = account.default_timezone


def at(day, hour, minute=0, month=3):
    return EWSDateTime(2027, month, day, hour, minute, tzinfo=tz)


def view(first, last, month=3):
    return list(account.calendar.view(start=at(first, 0, month=month), end=at(last, 0, month=month)))


def expect(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")
    print("ok", what)


# What the server had before.
expect("view", [(i.subject, i.start, i.end, i.type) for i in view(1, 8)], [("Ready made", at(2, 9), at(2, 10), "Single")])
expect("version", str(account.version.build).split(".")[0], "15")

# Create, change, delete.
item = CalendarItem(
    folder=account.calendar, subject="Jour fixe & <Kaffee> für alle", start=at(10, 9), end=at(10, 10, 30), legacy_free_busy_status="OOF",
    categories=["Rot", "Blau"], location="Raum 1", body="Text", reminder_minutes_before_start=5, sensitivity="Private",
)
item.save()
(seen,) = view(10, 11)
expect("created", (seen.subject, seen.start, seen.end, seen.legacy_free_busy_status, seen.categories, seen.location, seen.sensitivity),
       (item.subject, item.start, item.end, "OOF", ["Rot", "Blau"], "Raum 1", "Private"))
full = account.calendar.get(id=item.id, changekey=item.changekey)
expect("body", (full.text_body, full.reminder_minutes_before_start, full._start_timezone.ms_id), ("Text", 5, "W. Europe Standard Time"))
full.subject = "Anders"
full.start, full.end = at(11, 14), at(11, 15)
full.save(update_fields=["subject", "start", "end"])
expect("changed", [(i.subject, i.start, i.end) for i in view(10, 12)], [("Anders", at(11, 14), at(11, 15))])
full.refresh()
expect("found", account.calendar.filter(subject="Anders").count(), 1)
expect("sorted", [i.subject for i in account.calendar.all().order_by("-start").only("subject", "start")], ["Anders", "Ready made"])
gone = (full.id, full.changekey)
full.delete()
expect("deleted", view(10, 12), [])
expect("gone", [type(i) for i in account.fetch(ids=[gone])], [ErrorItemNotFound])

# All day.
CalendarItem(folder=account.calendar, subject="Urlaub", start=EWSDate(2027, 3, 12), end=EWSDate(2027, 3, 13), is_all_day=True).save()
(day,) = view(12, 14)  # not over the change of clocks, where exchangelib is a day out
expect("all day", (day.is_all_day, day.start, day.end), (True, EWSDate(2027, 3, 12), EWSDate(2027, 3, 13)))
day.move_to_trash()
expect("trash", [i.subject for i in account.trash.all().only("subject")], ["Urlaub"])

# Series.
master = CalendarItem(
    folder=account.calendar, subject="Serie", start=at(15, 9), end=at(15, 10),
    recurrence=Recurrence(pattern=WeeklyPattern(interval=1, weekdays=["Monday", "Thursday"]), start=EWSDate(2027, 3, 15), number=6),
)
master.save()
expect("series", [i.start for i in view(14, 31) + view(1, 4, month=4)], [at(d, 9) for d in (15, 18, 22, 25, 29)] + [at(1, 9, month=4)])
second = account.calendar.get(id=master.id, changekey=master.changekey)
expect("pattern", (second.recurrence.pattern.weekdays, second.recurrence.boundary.number, second.type), ([1, 4], 6, "RecurringMaster"))
occurrence = master.occurrence(index=2)
occurrence.refresh()
occurrence.start, occurrence.end, occurrence.subject = at(19, 11), at(19, 12), "Verschoben"
occurrence.save(update_fields=["start", "end", "subject"])
master.occurrence(index=3).delete()
expect("exceptions", [(i.subject, i.start, i.type) for i in view(14, 26)],
       [("Serie", at(15, 9), "Occurrence"), ("Verschoben", at(19, 11), "Exception"), ("Serie", at(25, 9), "Occurrence")])
master.refresh()
expect("modified", [o.original_start for o in master.modified_occurrences], [at(18, 9)])
expect("taken out", [o.start for o in master.deleted_occurrences], [at(22, 9)])
expect("first and last", (master.first_occurrence.start, master.last_occurrence.start), (at(15, 9), at(1, 9, month=4)))
whole = view(18, 20)[0].recurring_master()
whole.refresh()
expect("master of", (whole.id, whole.type), (master.id, "RecurringMaster"))

# Sync.
changes = {}
for kind, change in account.calendar.sync_items():
    changes.setdefault(kind, []).append(change.subject)
expect("sync", changes, {"create": ["Ready made", "Serie"]})
new = CalendarItem(folder=account.calendar, subject="Neu", start=at(20, 9), end=at(20, 10))
new.save()
master.delete()
expect("sync of changes", sorted((kind, getattr(i, "subject", None)) for kind, i in account.calendar.sync_items()), [("create", "Neu"), ("delete", None)])
expect("sync of nothing", list(account.calendar.sync_items()), [])
expect("hierarchy", "Calendar" in [f.name for kind, f in account.root.sync_hierarchy()], True)

# Notifications.
with account.calendar.pull_subscription() as (subscription, watermark):
    new.subject = "Neuer"
    new.save(update_fields=["subject"])
    found = []
    for notification in account.calendar.get_events(subscription, watermark):
        found += [type(e).__name__ for e in notification.events]
    expect("pulled", "ModifiedEvent" in found, True)
with account.calendar.streaming_subscription() as subscription:
    new.start, new.end = at(21, 9), at(21, 10)
    new.save(update_fields=["start", "end"])
    found = []
    for notification in account.calendar.get_streaming_events(subscription, connection_timeout=1, max_notifications_returned=1):
        found += [type(e).__name__ for e in notification.events]
    expect("streamed", "ModifiedEvent" in found, True)

# Free and busy.
(busy,) = account.protocol.get_free_busy_info(
    accounts=[(account, "Required", False)], start=at(2, 8), end=at(2, 12), merged_free_busy_interval=60)
expect("free/busy", (busy.merged, [(e.start.hour, e.end.hour, e.busy_type) for e in busy.calendar_events]), ("0200", [(9, 10, "Busy")]))

# Messages, whose read flag changes.
expect("mail", [(kind, i.subject, i.is_read) for kind, i in account.inbox.sync_items()], [("create", "Lunch?", False)])

# People and clocks.
expect("names", [m.email_address for m in account.protocol.resolve_names([target])], [target])
expect("zones", "W. Europe Standard Time" in [z.id for z in account.protocol.get_timezones()], True)

for i in account.calendar.all():
    i.delete()
account.trash.all().delete()
print("done")
