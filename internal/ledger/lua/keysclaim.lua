-- The keys of Claim, named as in keys.lua.
local queued = { interactive = KEYS[1], bulk = KEYS[2] }
local sending = { interactive = KEYS[3], bulk = KEYS[4] }
local held = { interactive = KEYS[5], bulk = KEYS[6] }
local breaker, workers, open_orders = KEYS[7], KEYS[8], KEYS[9]
local merchant = ARGV[2]
