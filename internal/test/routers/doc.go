// Package routers tests httpsession under the routers that its users have: http.ServeMux, chi and gorilla/mux, and with
// Connect's handlers over HTTP/1.1 and HTTP/2. It runs core/adaptertest with handlers mounted on chi and on gorilla/mux.
// It is a module of its own, so that the root module requires none of them.
package routers
