// Package fiberv3stores is serverstores for fiberv3session: it runs adaptertest.RunStore with redisstore and with
// gormstore on PostgreSQL. It is a module of its own, since one build with Fiber v2 and v3 has the fasthttp of v3 for
// both.
package fiberv3stores
