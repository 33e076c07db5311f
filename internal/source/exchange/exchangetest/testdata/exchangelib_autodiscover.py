"""Asks autodiscover for people as exchangelib does, and prints what it hears, one line each."""

import sys
import warnings

warnings.filterwarnings("ignore")

from exchangelib import BASIC, Configuration, Credentials
from exchangelib.autodiscover.protocol import AutodiscoverProtocol

url, user, secret = sys.argv[1:4]
protocol = AutodiscoverProtocol(config=Configuration(service_endpoint=url, credentials=Credentials(user, secret), auth_type=BASIC))
for address in sys.argv[4:]:
    answer = protocol.get_user_settings(user=address)
    found = answer.user_settings or {}
    print(address, answer.error_code, answer.redirect_address, answer.redirect_url, found.get("auto_discover_smtp_address"), found.get("external_ews_url"))
