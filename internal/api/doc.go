// Package api is the HTTP side of Doorlight: REST under /api/v1, described by the OpenAPI document that it serves,
// and the door to the live stream. Handlers decode, authorise, call and encode; what a viewer may see is made by
// package rights, what holds is decided by the hub and the office.
package api
