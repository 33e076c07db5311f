"""Goes through a calendar as exchangelib does, and says what it finds. Any error ends it with a status."""

import sys
import warnings

warnings.filterwarnings("ignore")

from exchangelib import (
    BASIC, DELEGATE, IMPERSONATION, NTLM, Account, CalendarItem, Configuration, Credentials, EWSDate, EWSDateTime, EWSTimeZone,
)
from exchangelib.errors import ErrorItemNotFound, ErrorNameResolutionNoMailbox
from exchangelib.properties import Attendee, Mailbox
from exchangelib.fields import LAST
from exchangelib.recurrence import (
    AbsoluteMonthlyPattern, AbsoluteYearlyPattern, DailyPattern, Recurrence, RelativeMonthlyPattern, RelativeYearlyPattern, WeeklyPattern,
)
from exchangelib.winzone import CLDR_TO_MS_TIMEZONE_MAP

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
expect("view", [(i.subject, i.start, i.end, i.type) for i in view(1, 4)], [("Ready made", at(2, 9), at(2, 10), "Single")])
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
expect("sorted", [i.subject for i in account.calendar.all().order_by("-start").only("subject", "start")], ["Anders", "Go away", "Maybe", "Come", "Ready made"])
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

# Invitations, which the server had.
invited = {i.subject: i for i in view(5, 7)}
invited["Come"].accept()
invited["Maybe"].tentatively_accept()
invited["Go away"].decline()
expect("invitations", sorted((i.subject, i.my_response_type, i.legacy_free_busy_status, i.organizer.email_address) for i in view(5, 7)),
       [("Come", "Accept", "Busy", "ben@example.test"), ("Maybe", "Tentative", "Tentative", "ben@example.test")])
meeting = CalendarItem(folder=account.calendar, subject="Meeting", start=at(6, 14), end=at(6, 15),
                       required_attendees=[Attendee(mailbox=Mailbox(email_address="ben@example.test"), response_type="Unknown")])
meeting.save(send_meeting_invitations="SendToAllAndSaveCopy")
(mine,) = [i for i in view(6, 7) if i.subject == "Meeting"]
expect("organizer", (mine.is_meeting, mine.my_response_type), (True, "Organizer"))
meeting = account.calendar.get(id=meeting.id, changekey=meeting.changekey)
expect("attendees", [a.mailbox.email_address for a in meeting.required_attendees], ["ben@example.test"])
meeting.cancel()
expect("cancelled", [i.subject for i in view(6, 7)], [])

# Another calendar.
team = account.calendar / "Team Calendar"
item = CalendarItem(folder=account.calendar, subject="On the way", start=at(8, 9), end=at(8, 10))
item.save()
before = item.id
item.move(team)
expect("moved", (item.id != before, [i.subject for i in team.all()], view(8, 9)), (True, ["On the way"], []))
item.delete()
for i in invited.values():
    if i.subject != "Go away":
        account.calendar.get(id=i.id).delete()

# Patterns.
for pattern, days in [
    (DailyPattern(interval=2), [1, 3, 5]),
    (AbsoluteMonthlyPattern(interval=1, day_of_month=31), [30]),
    (RelativeMonthlyPattern(interval=1, weekday="Friday", week_number=LAST), [30]),
    (AbsoluteYearlyPattern(day_of_month=15, month=4), [15]),
    (RelativeYearlyPattern(weekday="Weekday", week_number=1, month=4), [1]),
]:
    one = CalendarItem(folder=account.calendar, subject="P", start=at(1, 9, month=4), end=at(1, 10, month=4),
                       recurrence=Recurrence(pattern=pattern, start=EWSDate(2027, 4, 1), end=EWSDate(2027, 5, 30)))
    one.save()
    got = [i.start.day for i in account.calendar.view(start=at(1, 0, month=4), end=at(1, 0, month=5)) if i.subject == "P"]
    expect(str(pattern), got[:3] if isinstance(pattern, DailyPattern) else got, days)
    again = account.calendar.get(id=one.id, changekey=one.changekey)
    expect("as it was", (again.recurrence.pattern, again.recurrence.boundary.end), (pattern, EWSDate(2027, 5, 30)))
    again.delete()

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
try:
    names = [m.email_address for m in account.protocol.resolve_names([target])]
except ErrorNameResolutionNoMailbox:
    names = "not without a mailbox of one's own"
expect("names", names, [target] if account.access_type == DELEGATE else "not without a mailbox of one's own")
expect("zones", {ms for ms, _ in CLDR_TO_MS_TIMEZONE_MAP.values()} - {z.id for z in account.protocol.get_timezones()}, set())

for z in account.protocol.get_timezones(return_full_timezone_data=True):
    standard_transition, daylight_transition, standard_period = z.get_std_and_dst(for_year=2027)
    if (standard_transition is None) != (daylight_transition is None) or standard_period is None:
        sys.exit(f"the clocks of {z.id} make no sense")
print("ok clocks")

for i in account.calendar.all():
    i.delete()
account.trash.all().delete()
print("done")
