// Package web holds the built web client, so that the server is one file. Building it is left to npm (npm run build
// in this folder); without a build the file system holds no index.html and the server says so.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// FS returns the built client: index.html, assets with a hash in their names, the service worker and the manifest.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil { // the folder is there, or this would not have compiled
		panic(err)
	}
	return sub
}
