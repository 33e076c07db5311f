package exchangetest

import (
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the machine's own may be missing
)

// zoneNames are the Windows names this server knows, with the place whose clocks they mean, and their title.
var zoneNames = []struct{ name, place, title string }{
	{"Dateline Standard Time", "Etc/GMT+12", "(UTC-12:00) International Date Line West"},
	{"UTC-11", "Etc/GMT+11", "(UTC-11:00) Coordinated Universal Time-11"},
	{"Hawaiian Standard Time", "Pacific/Honolulu", "(UTC-10:00) Hawaii"},
	{"Alaskan Standard Time", "America/Anchorage", "(UTC-09:00) Alaska"},
	{"Pacific Standard Time", "America/Los_Angeles", "(UTC-08:00) Pacific Time (US & Canada)"},
	{"US Mountain Standard Time", "America/Phoenix", "(UTC-07:00) Arizona"},
	{"Mountain Standard Time", "America/Denver", "(UTC-07:00) Mountain Time (US & Canada)"},
	{"Central Standard Time", "America/Chicago", "(UTC-06:00) Central Time (US & Canada)"},
	{"Central Standard Time (Mexico)", "America/Mexico_City", "(UTC-06:00) Guadalajara, Mexico City, Monterrey"},
	{"SA Pacific Standard Time", "America/Bogota", "(UTC-05:00) Bogota, Lima, Quito, Rio Branco"},
	{"Eastern Standard Time", "America/New_York", "(UTC-05:00) Eastern Time (US & Canada)"},
	{"Atlantic Standard Time", "America/Halifax", "(UTC-04:00) Atlantic Time (Canada)"},
	{"Newfoundland Standard Time", "America/St_Johns", "(UTC-03:30) Newfoundland"},
	{"E. South America Standard Time", "America/Sao_Paulo", "(UTC-03:00) Brasilia"},
	{"Argentina Standard Time", "America/Argentina/Buenos_Aires", "(UTC-03:00) City of Buenos Aires"},
	{"UTC-02", "Etc/GMT+2", "(UTC-02:00) Coordinated Universal Time-02"},
	{"Azores Standard Time", "Atlantic/Azores", "(UTC-01:00) Azores"},
	{"UTC", "Etc/UTC", "(UTC) Coordinated Universal Time"},
	{"GMT Standard Time", "Europe/London", "(UTC+00:00) Dublin, Edinburgh, Lisbon, London"},
	{"Greenwich Standard Time", "Atlantic/Reykjavik", "(UTC+00:00) Monrovia, Reykjavik"},
	{"W. Europe Standard Time", "Europe/Berlin", "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"},
	{"Central Europe Standard Time", "Europe/Budapest", "(UTC+01:00) Belgrade, Bratislava, Budapest, Ljubljana, Prague"},
	{"Romance Standard Time", "Europe/Paris", "(UTC+01:00) Brussels, Copenhagen, Madrid, Paris"},
	{"Central European Standard Time", "Europe/Warsaw", "(UTC+01:00) Sarajevo, Skopje, Warsaw, Zagreb"},
	{"W. Central Africa Standard Time", "Africa/Lagos", "(UTC+01:00) West Central Africa"},
	{"GTB Standard Time", "Europe/Bucharest", "(UTC+02:00) Athens, Bucharest"},
	{"FLE Standard Time", "Europe/Kiev", "(UTC+02:00) Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius"},
	{"Israel Standard Time", "Asia/Jerusalem", "(UTC+02:00) Jerusalem"},
	{"South Africa Standard Time", "Africa/Johannesburg", "(UTC+02:00) Harare, Pretoria"},
	{"Turkey Standard Time", "Europe/Istanbul", "(UTC+03:00) Istanbul"},
	{"Russian Standard Time", "Europe/Moscow", "(UTC+03:00) Moscow, St. Petersburg"},
	{"Arab Standard Time", "Asia/Riyadh", "(UTC+03:00) Kuwait, Riyadh"},
	{"Iran Standard Time", "Asia/Tehran", "(UTC+03:30) Tehran"},
	{"Arabian Standard Time", "Asia/Dubai", "(UTC+04:00) Abu Dhabi, Muscat"},
	{"Afghanistan Standard Time", "Asia/Kabul", "(UTC+04:30) Kabul"},
	{"West Asia Standard Time", "Asia/Tashkent", "(UTC+05:00) Ashgabat, Tashkent"},
	{"India Standard Time", "Asia/Kolkata", "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi"},
	{"Nepal Standard Time", "Asia/Kathmandu", "(UTC+05:45) Kathmandu"},
	{"Central Asia Standard Time", "Asia/Almaty", "(UTC+06:00) Astana"},
	{"SE Asia Standard Time", "Asia/Bangkok", "(UTC+07:00) Bangkok, Hanoi, Jakarta"},
	{"China Standard Time", "Asia/Shanghai", "(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi"},
	{"Singapore Standard Time", "Asia/Singapore", "(UTC+08:00) Kuala Lumpur, Singapore"},
	{"W. Australia Standard Time", "Australia/Perth", "(UTC+08:00) Perth"},
	{"Tokyo Standard Time", "Asia/Tokyo", "(UTC+09:00) Osaka, Sapporo, Tokyo"},
	{"Korea Standard Time", "Asia/Seoul", "(UTC+09:00) Seoul"},
	{"Cen. Australia Standard Time", "Australia/Adelaide", "(UTC+09:30) Adelaide"},
	{"AUS Eastern Standard Time", "Australia/Sydney", "(UTC+10:00) Canberra, Melbourne, Sydney"},
	{"E. Australia Standard Time", "Australia/Brisbane", "(UTC+10:00) Brisbane"},
	{"Lord Howe Standard Time", "Australia/Lord_Howe", "(UTC+10:30) Lord Howe Island"},
	{"Central Pacific Standard Time", "Pacific/Guadalcanal", "(UTC+11:00) Solomon Is., New Caledonia"},
	{"New Zealand Standard Time", "Pacific/Auckland", "(UTC+12:00) Auckland, Wellington"},
	{"Chatham Islands Standard Time", "Pacific/Chatham", "(UTC+12:45) Chatham Islands"},
	{"Tonga Standard Time", "Pacific/Tongatapu", "(UTC+13:00) Nuku'alofa"},
	{"Line Islands Standard Time", "Pacific/Kiritimati", "(UTC+14:00) Kiritimati Island"},
}

var zones = sync.OnceValue(func() map[string]*time.Location {
	all := map[string]*time.Location{}
	for _, z := range zoneNames {
		loc, err := time.LoadLocation(z.place)
		if err != nil {
			panic("exchangetest: " + err.Error()) // the data is part of the program
		}
		all[strings.ToLower(z.name)] = loc
	}
	return all
})

// zone returns where clocks show the time of a Windows name. Exchange does not mind its case.
func zone(name string) (*time.Location, bool) {
	if name == "tzone://Microsoft/Utc" {
		name = "UTC"
	}
	loc, ok := zones()[strings.ToLower(name)]
	return loc, ok
}

func zoneTitle(name string) string {
	i := slices.IndexFunc(zoneNames, func(z struct{ name, place, title string }) bool { return strings.EqualFold(z.name, name) })
	if i < 0 {
		return name
	}
	return zoneNames[i].title
}
