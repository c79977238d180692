-- The ledger's only clock is Redis' own: workers' clocks may be wrong.
local function microseconds()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
