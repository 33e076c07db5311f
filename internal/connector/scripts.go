package connector

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"github.com/doorlight/doorlight/internal/source/exchange"
	"github.com/doorlight/doorlight/internal/telephony/ami"
)

// Script is something that an administrator runs at the outside system, filled in with their own names (C8).
type Script struct {
	Name  string // a Script constant
	Shell string // where it is run: a Shell constant
	Text  string
}

// Names of scripts.
const (
	ScriptAccount       = "account"       // makes the account that reads
	ScriptImpersonation = "impersonation" // lets it act for everybody
	ScriptScope         = "scope"         // lets it act for the members of one group only, instead
	ScriptDelegate      = "delegate"      // gives it rights on each calendar, instead
	ScriptThrottling    = "throttling"    // gives it limits of its own, where the usual ones are too narrow
	ScriptTest          = "test"          // shows whether the rights are there
	ScriptRegistration  = "registration"  // registers an application
	ScriptRestriction   = "restriction"   // lets an application read the members of one group only
	ScriptManager       = "manager"       // lets a user of an Asterisk see and set what is needed
	ScriptCodes         = "codes"         // has feature codes choose a presence
	ScriptRedirect      = "redirect"      // has a telephone system ask where calls go
	ScriptTeams         = "teams"         // lets an application read and write presence in Teams
)

// Where scripts are run.
const (
	ShellExchange = "exchange_management_shell"
	ShellGraph    = "microsoft_graph_powershell"
	ShellOnline   = "exchange_online_powershell"
	ShellManager  = "manager_conf"    // of Asterisk: not run, but entered
	ShellDialplan = "extensions_conf" // likewise
	ShellKamailio = "kamailio_cfg"    // of Kamailio, likewise
)

// Scripts returns what is run to set a connector up; base is the address under which browsers know this server.
func (c *Connectors) Scripts(id, base string) ([]Script, error) {
	e, err := c.find(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	s, name := e.settings, e.rec.Name
	c.mu.Unlock()
	switch {
	case s.Exchange != nil:
		return s.Exchange.scripts(), nil
	case s.Graph != nil:
		return s.Graph.scripts(name, strings.TrimSuffix(base, "/")+AccountPath(id, "callback")), nil
	case s.Asterisk != nil:
		return s.Asterisk.scripts(), nil
	case s.SIPServer != nil:
		return s.SIPServer.scripts(), nil
	}
	return nil, nil // nothing is run there
}

// AccountPath is the path of a page on which people connect accounts with an application.
func AccountPath(id, step string) string { return "/accounts/" + url.PathEscape(id) + "/" + step }

func (x *Exchange) scripts() []Script {
	account, domain := x.Account, x.Domain
	if before, after, ok := strings.Cut(account, `\`); ok {
		domain, account = before, after
	}
	upn := account
	if before, _, ok := strings.Cut(account, "@"); ok {
		account = before
	} else if strings.Contains(domain, ".") {
		upn = account + "@" + domain
	} else if len(x.Domains) > 0 {
		upn = account + "@" + x.Domains[0]
	}
	if account == "" {
		account, upn = "doorlight", "doorlight@"+first(x.Domains, "example.com")
	}
	someone := "anna@" + first(x.Domains, "example.com")
	if x.Auth == exchange.AuthOAuth {
		account, upn = "doorlight", "doorlight@"+first(x.Domains, "example.com")
	}
	group := "Doorlight people"
	scripts := []Script{{ScriptAccount, ShellExchange, fill(`
Import-Module ActiveDirectory
New-ADUser -Name %[1]s -SamAccountName %[1]s -UserPrincipalName %[2]s -AccountPassword (Read-Host -AsSecureString 'Password') -PasswordNeverExpires $true -Enabled $true`,
		account, upn)}}
	if x.Access == exchange.AccessDelegate {
		scripts = append(scripts, Script{ScriptDelegate, ShellExchange, fill(`
Enable-Mailbox -Identity %[1]s
Get-Mailbox -ResultSize Unlimited -RecipientTypeDetails UserMailbox | ForEach-Object {
  $folder = Get-MailboxFolderStatistics $_.Identity -FolderScope Calendar | Where-Object FolderType -eq 'Calendar'
  Add-MailboxFolderPermission -Identity ($_.Alias + ':' + $folder.FolderPath.Replace('/', '\')) -User %[1]s -AccessRights Reviewer
}`, account)}, Script{ScriptTest, ShellExchange, fill(`
$folder = Get-MailboxFolderStatistics %[2]s -FolderScope Calendar | Where-Object FolderType -eq 'Calendar'
Get-MailboxFolderPermission -Identity (%[2]s + ':' + $folder.FolderPath.Replace('/', '\')) -User %[1]s`, account, someone)})
		return scripts
	}
	return append(scripts,
		Script{ScriptImpersonation, ShellExchange, fill(`
New-RoleGroup -Name 'Doorlight impersonation' -Roles 'ApplicationImpersonation' -Members %[1]s`, account)},
		Script{ScriptScope, ShellExchange, fill(`
$group = Get-DistributionGroup %[2]s
New-ManagementScope -Name %[2]s -RecipientRestrictionFilter "MemberOfGroup -eq '$($group.DistinguishedName)'"
New-ManagementRoleAssignment -Name 'Doorlight impersonation' -Role 'ApplicationImpersonation' -User %[1]s -CustomRecipientWriteScope %[2]s`, account, group)},
		Script{ScriptThrottling, ShellExchange, fill(`
New-ThrottlingPolicy -Name 'Doorlight' -ThrottlingPolicyScope Regular -EwsMaxConcurrency Unlimited -EwsMaxSubscriptions Unlimited -EwsCutoffBalance Unlimited -EwsMaxBurst Unlimited -EwsRechargeRate Unlimited
Set-ThrottlingPolicyAssociation -Identity %[1]s -ThrottlingPolicy 'Doorlight'`, account)},
		Script{ScriptTest, ShellExchange, fill(`
Get-ManagementRoleAssignment -Role 'ApplicationImpersonation' -GetEffectiveUsers | Where-Object EffectiveUserName -eq %[1]s | Format-List Role, RoleAssigneeName, EffectiveUserName, CustomRecipientWriteScope
Test-WebServicesConnectivity -ClientAccessServer $env:COMPUTERNAME`, account)},
	)
}

func (g *Graph) scripts(name, callback string) []Script {
	return []Script{
		{ScriptRegistration, ShellGraph, fill(`
Connect-MgGraph -TenantId %[1]s -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All'
$graph = Get-MgServicePrincipal -Filter "appId eq '00000003-0000-0000-c000-000000000000'"
$roles = $graph.AppRoles | Where-Object Value -in 'Calendars.Read', 'User.ReadBasic.All'
$scopes = $graph.Oauth2PermissionScopes | Where-Object Value -in 'Calendars.Read', 'User.Read', 'offline_access', 'openid', 'profile'
$access = @($roles | ForEach-Object { @{ Id = $_.Id; Type = 'Role' } }) + @($scopes | ForEach-Object { @{ Id = $_.Id; Type = 'Scope' } })
$app = New-MgApplication -DisplayName %[2]s -SignInAudience AzureADMyOrg -Web @{ RedirectUris = @(%[3]s) } -RequiredResourceAccess @{ ResourceAppId = $graph.AppId; ResourceAccess = $access }
$principal = New-MgServicePrincipal -AppId $app.AppId
foreach ($role in $roles) { New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id -PrincipalId $principal.Id -ResourceId $graph.Id -AppRoleId $role.Id }
$secret = Add-MgApplicationPassword -ApplicationId $app.Id -PasswordCredential @{ DisplayName = 'Doorlight'; EndDateTime = (Get-Date).AddMonths(24) }
"Application ID: $($app.AppId)   Secret: $($secret.SecretText)   ends $($secret.EndDateTime)"`, g.Tenant, name, callback)},
		{ScriptRestriction, ShellOnline, fill(`
# Take the application permission Calendars.Read away in the portal first: what is allowed there is allowed for everybody.
Connect-ExchangeOnline
Connect-MgGraph -TenantId %[1]s -Scopes 'Application.Read.All'
$principal = Get-MgServicePrincipal -Filter ('appId eq ''' + %[2]s + '''')
New-ServicePrincipal -AppId $principal.AppId -ObjectId $principal.Id -DisplayName %[3]s
$group = Get-Group %[4]s
New-ManagementScope -Name %[4]s -RecipientRestrictionFilter "MemberOfGroup -eq '$($group.DistinguishedName)'"
New-ManagementRoleAssignment -App $principal.Id -Role 'Application Calendars.Read' -CustomResourceScope %[4]s
Test-ServicePrincipalAuthorization -Identity $principal.Id -Resource (Read-Host 'E-mail address of somebody')`, g.Tenant, g.ClientID, name, "Doorlight people")},
		{ScriptTeams, ShellGraph, fill(`
# For Microsoft Teams, of the application %[3]s: its own permissions (access: application) and those that people give (access: delegated).
Connect-MgGraph -TenantId %[1]s -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All'
$graph = Get-MgServicePrincipal -Filter "appId eq '00000003-0000-0000-c000-000000000000'"
$app = Get-MgApplication -Filter ('appId eq ''' + %[2]s + '''')
$principal = Get-MgServicePrincipal -Filter ('appId eq ''' + %[2]s + '''')
$roles = $graph.AppRoles | Where-Object Value -in 'Presence.Read.All', 'Presence.ReadWrite.All', 'User.ReadBasic.All'
$scopes = $graph.Oauth2PermissionScopes | Where-Object Value -in 'Presence.Read.All', 'Presence.ReadWrite', 'User.Read', 'offline_access', 'openid', 'profile'
$others = @($app.RequiredResourceAccess | Where-Object ResourceAppId -ne $graph.AppId)
$access = @($app.RequiredResourceAccess | Where-Object ResourceAppId -eq $graph.AppId | ForEach-Object { $_.ResourceAccess } | ForEach-Object { @{ Id = $_.Id; Type = $_.Type } })
foreach ($role in $roles) { if ($access.Id -notcontains $role.Id) { $access += @{ Id = $role.Id; Type = 'Role' } } }
foreach ($scope in $scopes) { if ($access.Id -notcontains $scope.Id) { $access += @{ Id = $scope.Id; Type = 'Scope' } } }
Update-MgApplication -ApplicationId $app.Id -RequiredResourceAccess ($others + @{ ResourceAppId = $graph.AppId; ResourceAccess = $access })
$given = Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id -All
foreach ($role in $roles) { if ($given.AppRoleId -notcontains $role.Id) { New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id -PrincipalId $principal.Id -ResourceId $graph.Id -AppRoleId $role.Id } }`, g.Tenant, g.ClientID, name)},
	}
}

func first(all []string, otherwise string) string {
	if len(all) > 0 {
		return all[0]
	}
	return otherwise
}

// fill enters names into a script, as literal texts of PowerShell.
func fill(script string, names ...string) string {
	values := make([]any, len(names))
	for i, n := range names {
		values[i] = literal(n)
	}
	return strings.TrimSpace(fmt.Sprintf(script, values...)) + "\n"
}

// literal makes a text a literal of PowerShell: in single quotes nothing means anything but such quotes, of which it knows
// five, and each is written twice (about_Quoting_Rules).
func literal(text string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range text {
		switch {
		case unicode.IsControl(r):
			continue
		case strings.ContainsRune("'\u2018\u2019\u201a\u201b", r):
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	b.WriteByte('\'')
	return b.String()
}

// scripts are what is entered in an Asterisk. Those of FreePBX have files for what is one's own, which it leaves alone: manager_custom.conf and
// extensions_custom.conf.
func (x *Asterisk) scripts() []Script {
	write := "call,reporting"
	if x.Forwarding == ami.ForwardingFreePBX {
		write = "system,call"
	}
	return []Script{
		{ScriptManager, ShellManager, fmt.Sprintf(`[%s]
secret = SECRET
deny = 0.0.0.0/0.0.0.0
permit = ADDRESS_OF_DOORLIGHT/255.255.255.255
read = system,call,user
write = %s
writetimeout = 1000
`, inSection(x.Username), write)},
		{ScriptCodes, ShellDialplan, fmt.Sprintf(`[from-internal-custom]
; Each code of the table of the settings needs such a line. %[1]s hears whose telephone dialled it.
exten => _*8X,1,Answer()
 same => n,UserEvent(%[1]s,Code: ${EXTEN})
 same => n,Playback(beep)
 same => n,Hangup()
`, ami.CodeEvent)},
	}
}

// inSection is a name as it stands between the brackets of a section.
func inSection(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("[]();,\r\n", r) {
			return -1
		}
		return r
	}, name)
	if name == "" {
		return "doorlight"
	}
	return name
}

// scripts are what is entered in a telephone system that asks this server where calls go.
func (x *SIPServer) scripts() []Script {
	if x.Desk == "" {
		return nil
	}
	at := "ADDRESS_OF_DOORLIGHT:5060"
	for _, l := range x.Listen {
		if network, address, ok := strings.Cut(l, ":"); ok && network == "udp" {
			at = address
			if host, port, err := net.SplitHostPort(address); err == nil {
				if ip, err := netip.ParseAddr(host); x.Host != "" || err == nil && ip.IsUnspecified() {
					at = net.JoinHostPort(cmp.Or(x.Host, "ADDRESS_OF_DOORLIGHT"), port)
				}
			}
			break
		}
	}
	return []Script{{ScriptRedirect, ShellKamailio, fmt.Sprintf(`# Calls are asked for at Doorlight first, and go where it says: %[2]s is a telephone, everything else is dialled.
loadmodule "acc.so"
loadmodule "uac_redirect.so"
modparam("uac_redirect", "acc_function", "")

request_route {
	# ... behind what is there for requests within dialogs:
	if (is_method("INVITE") && !has_totag() && !is_present_hf("X-Asked")) {
		t_on_failure("ASKED");
		t_set_fr(0, 2000); # so long it may take; if it does not answer, calls go on without it
		$du = "sip:%[1]s";
		route(RELAY);
	}
	# ... an INVITE with X-Asked goes on as before: to a telephone, or to the outside.
}

failure_route[ASKED] {
	if (t_is_canceled() || t_check_status("48[0-9]|6[0-9][0-9]")) exit; # do not disturb, say
	if (t_check_status("302")) {
		if (!get_redirects("*")) { t_reply("480", "Temporarily Unavailable"); exit; }
	} else {
		$du = $null; # it does not know the number, or does not answer
	}
	t_reset_fr();
	append_hf("X-Asked: yes\r\n");
	t_relay();
}
`, at, x.Desk)}}
}
