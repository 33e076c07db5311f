package probe

// idleWays are the ways there are, the best first.
var idleWays = []openIdle{
	{name: "GNOME's idle monitor", open: openMutter},
	{name: "the Wayland compositor", open: openWayland},
	{name: "X11 screen saver extension", open: openX11},
	{name: "logind's idle hint, which comes when the desktop thinks so", open: openLoginIdle, last: true},
}
