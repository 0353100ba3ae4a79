-- Writes rows of one feature view, each unless the stored row is newer; rows of one entity in the order given.
-- KEYS     the entities' hashes, one a row
-- ARGV[1]  which row wins: 'any', 'newer' than the stored one, or 'equal': newer or of the very same instant
-- ARGV[2]  seconds until a whole entity expires, or '' for never
-- ARGV[3]  '1' when each row says when its fields expire
-- ARGV[4]  number of features
-- ARGV[5]  the view's timestamp field; behind it the feature fields
-- Then of each row: its timestamp (a google.protobuf.Timestamp), its values, and Unix milliseconds at which they expire.
-- Returns how many rows were written.

-- Nine bytes hold a positive int64; a tenth one means a negative number, read through its complement, since Lua's
-- numbers hold 53 bits.
local function varint(bytes, at)
  local value, complement, scale = 0, 0, 1
  for i = at, at + 8 do
    local byte = bytes:byte(i)
    if byte < 128 then return value + byte * scale, i + 1 end
    value = value + (byte - 128) * scale
    complement = complement + (255 - byte) * scale
    scale = scale * 128
  end
  return -complement - 1, at + 10
end

local function timestamp(bytes)
  local seconds, nanos, at, value = 0, 0, 1, 0
  while at <= #bytes do
    local tag = bytes:byte(at)
    value, at = varint(bytes, at + 1)
    if tag == 8 then seconds = value else nanos = value end
  end
  return seconds, nanos
end

-- The instants of 1978 to 3058 have seconds of five bytes: most rows are told apart by these.
local function quick_seconds(bytes)
  local tag, a, b, c, d, e = bytes:byte(1, 6)
  if tag == 8 and e and a > 127 and b > 127 and c > 127 and d > 127 and e < 128 then
    return a + b * 128 + c * 16384 + d * 2097152 + e * 268435456
  end
end

local equal_wins = ARGV[1] == 'equal'

local function wins(new, stored)
  if not stored then return true end
  if new == stored then return equal_wins end
  local ours, theirs = quick_seconds(new), quick_seconds(stored)
  if ours and theirs and ours ~= theirs then return ours > theirs end
  local seconds, nanos = timestamp(new)
  local stored_seconds, stored_nanos = timestamp(stored)
  if seconds ~= stored_seconds then return seconds > stored_seconds end
  return nanos > stored_nanos or (equal_wins and nanos == stored_nanos)
end

local compares, entity_expiry, field_expiry = ARGV[1] ~= 'any', ARGV[2], ARGV[3] == '1'
local features, field = tonumber(ARGV[4]), ARGV[5]
local width = 1 + features + (field_expiry and 1 or 0)
local call, written, at = redis.call, 0, 6 + features

-- The arguments of HSET: only the values change from row to row.
local pairs_of_row = {field}
for n = 1, features do pairs_of_row[2 * n + 1] = ARGV[5 + n] end

for _, key in ipairs(KEYS) do
  local new = ARGV[at]
  if not compares or wins(new, call('HGET', key, field)) then
    for n = 0, features do pairs_of_row[2 * n + 2] = ARGV[at + n] end
    call('HSET', key, unpack(pairs_of_row, 1, 2 * features + 2))
    if field_expiry then
      call('HPEXPIREAT', key, ARGV[at + features + 1], 'FIELDS', features + 1, unpack(ARGV, 5, 5 + features))
    end
    if entity_expiry ~= '' then call('EXPIRE', key, entity_expiry) end
    written = written + 1
  end
  at = at + width
end
return written
