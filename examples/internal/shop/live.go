package shop

import "time"

// LiveEvery is the time between two looks of live.html's stream at the cart.
const LiveEvery = time.Second

// SignedOut is the code with which a WebSocket says that the session has ended. Those from 4000 on are the application's own.
const SignedOut = 4001
