-- The keys of Claim, named as in keys.lua.
local record, breaker, workers, open_orders, payload = KEYS[1], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local queued = { interactive = KEYS[2], bulk = KEYS[3] }
local sending = { interactive = KEYS[4], bulk = KEYS[5] }
local held = { interactive = KEYS[6], bulk = KEYS[7] }
local key, merchant = ARGV[1], ARGV[2]
