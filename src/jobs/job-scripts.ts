import { LOCAL_OWNER } from './api-key.js';
import { HELD_STATES } from './job-state.js';

/**
 * The writes that must be atomic, as Lua. Redis runs one script at a time, so that between the check of a record's
 * attempt or state and the write that depends on it nothing else happens. Scripts build key names from the prefix: with
 * a Redis Cluster the prefix needs a hash tag, as BullMQ asks for too.
 */

/**
 * Appends an event under the job's next number and tells those who follow the job. Readers take what the streams
 * hold; the message only wakes them. A cap of 0 keeps everything.
 */
const EMIT = `
local function emit(prefix, id, stream, cap, kind, at, attempt, data)
  local job = prefix .. ':job:' .. id
  local seq = redis.call('HINCRBY', job, 'eventSeq', 1)
  local key, entry = job .. ':events:' .. stream, string.format('%.0f-0', seq)
  local fields = {entry, 'type', kind, 'at', at, 'attempt', attempt, 'data', data}
  if tonumber(cap) > 0 then redis.call('XADD', key, 'MAXLEN', '~', cap, unpack(fields))
  else redis.call('XADD', key, unpack(fields)) end
  redis.call('PUBLISH', prefix .. ':signal:' .. id, seq)
end
`;

/** The indexes that a job is in: that of all jobs, and that of its owner's. */
const BASES = `
local function bases(prefix, owner)
  return {prefix, prefix .. ':owner:' .. (owner or '${LOCAL_OWNER}')}
end
`;

/** How many of an owner's jobs workers hold, or are believed to. */
const COUNT_HELD = `
local function count_held(base)
  local count = 0
  for _, state in ipairs({${HELD_STATES.map((state) => `'${state}'`).join(', ')}}) do
    count = count + redis.call('ZCARD', base .. ':index:*:' .. state)
  end
  return count
end
`;

/**
 * KEYS: record, transitions. ARGV: prefix, id, to, at, transition, ",from,from,", attempt or "", error or "", most jobs of one
 * owner that workers may hold or "". That limit keeps a queued job from starting and takes none away from a worker.
 */
export const TRANSITION_LUA = `${EMIT}${BASES}${COUNT_HELD}
local prefix, id, to, at = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local found = redis.call('HMGET', KEYS[1], 'state', 'attempt', 'kind', 'owner')
local from, kind = found[1], found[3]
if not from then return {'not_found', ''} end
local held, attempt = tonumber(found[2]), tonumber(ARGV[7])
if attempt and (attempt < held or (to == 'starting' and attempt == held)) then return {'stale_attempt', from} end
if not string.find(ARGV[6], ',' .. from .. ',', 1, true) then return {'not_allowed', from} end
local limit = tonumber(ARGV[9])
if limit and to == 'starting' and from == 'queued' and count_held(bases(prefix, found[4])[2]) >= limit then return {'owner_busy', from} end
if attempt then redis.call('HSET', KEYS[1], 'attempt', attempt) end
if to == 'starting' then redis.call('HDEL', KEYS[1], 'progress', 'metrics', 'error', 'result') end
redis.call('HSET', KEYS[1], 'state', to, 'updatedAt', at)
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'error', ARGV[8]) end
redis.call('RPUSH', KEYS[2], ARGV[5])
for _, base in ipairs(bases(prefix, found[4])) do
  for _, group in ipairs({'*', kind}) do
    redis.call('ZREM', base .. ':index:' .. group .. ':' .. from, id)
    redis.call('ZADD', base .. ':index:' .. group .. ':' .. to, 0, id)
  end
end
local event = cjson.decode(ARGV[5])
event.from = from
if ARGV[8] ~= '' then event.error = cjson.decode(ARGV[8]) end
emit(prefix, id, 'kept', 0, 'transition', at, attempt or held, cjson.encode(event))
return {'moved', from}
`;

/**
 * KEYS: none but what the prefix leads to. ARGV: prefix, name of the deduplication key or "", most queued jobs of one owner or "",
 * then of each job a JSON of id, kind, at, transition and fields. Writes all of them or none. Returns the id of the first, or of
 * the job that the deduplication key names and that is not over; "" where the owner has too many queued jobs.
 */
export const CREATE_LUA = `${EMIT}${BASES}
local prefix, dedup = ARGV[1], ARGV[2]
local limit, first = tonumber(ARGV[3]), cjson.decode(ARGV[4])
if redis.call('EXISTS', prefix .. ':job:' .. first.id) == 1 then return first.id end
if dedup ~= '' then
  local other = redis.call('GET', prefix .. ':' .. dedup)
  local state = other and redis.call('HGET', prefix .. ':job:' .. other, 'state')
  if state and state ~= 'succeeded' and state ~= 'failed' and state ~= 'cancelled' then return other end
end
local own = bases(prefix, first.fields.owner)[2]
if limit and redis.call('ZCARD', own .. ':index:*:queued') + #ARGV - 3 > limit then return '' end
if dedup ~= '' then redis.call('SET', prefix .. ':' .. dedup, first.id) end
for i = 4, #ARGV do
  local job = cjson.decode(ARGV[i])
  local key = prefix .. ':job:' .. job.id
  for name, value in pairs(job.fields) do redis.call('HSET', key, name, value) end
  redis.call('RPUSH', key .. ':transitions', job.transition)
  for _, base in ipairs(bases(prefix, job.fields.owner)) do
    for _, group in ipairs({'*', job.kind}) do
      redis.call('ZADD', base .. ':index:' .. group .. ':*', 0, job.id)
      redis.call('ZADD', base .. ':index:' .. group .. ':queued', 0, job.id)
    end
  end
  emit(prefix, job.id, 'kept', 0, 'transition', job.at, 0, job.transition)
end
return first.id
`;

/**
 * KEYS: record. ARGV: prefix, id, attempt, at, stream, cap, type, data, field, value, ... Writes the fields and, where
 * the type is not "", an event. Returns 1 when written, 0 when refused: another attempt holds the job, or it is over.
 */
export const WRITE_LUA = `${EMIT}
local held = redis.call('HMGET', KEYS[1], 'attempt', 'state')
if not held[1] or tonumber(held[1]) ~= tonumber(ARGV[3]) then return 0 end
if held[2] == 'succeeded' or held[2] == 'failed' or held[2] == 'cancelled' then return 0 end
if #ARGV > 8 then redis.call('HSET', KEYS[1], unpack(ARGV, 9)) end
if ARGV[7] ~= '' then emit(ARGV[1], ARGV[2], ARGV[5], ARGV[6], ARGV[7], ARGV[4], ARGV[3], ARGV[8]) end
return 1
`;

/** KEYS: record, and all else of the job. ARGV: prefix, id, ",state,state,". Returns 1 when the job was in such a state. */
export const DELETE_LUA = `${BASES}
local found = redis.call('HMGET', KEYS[1], 'state', 'kind', 'owner')
if not found[1] or not string.find(ARGV[3], ',' .. found[1] .. ',', 1, true) then return 0 end
redis.call('UNLINK', unpack(KEYS))
for _, base in ipairs(bases(ARGV[1], found[3])) do
  for _, group in ipairs({'*', found[2]}) do
    redis.call('ZREM', base .. ':index:' .. group .. ':*', ARGV[2])
    redis.call('ZREM', base .. ':index:' .. group .. ':' .. found[1], ARGV[2])
  end
end
return 1
`;

/**
 * KEYS: record, then event streams. ARGV: number of the last event that the reader has, entries per stream. Returns
 * [state or "", number of the newest event, entries of each stream], as they were at one instant.
 */
export const READ_EVENTS_LUA = `
local job = redis.call('HMGET', KEYS[1], 'state', 'eventSeq')
local pages = {}
for i = 2, #KEYS do
  pages[i - 1] = redis.call('XRANGE', KEYS[i], string.format('%.0f-1', ARGV[1]), '+', 'COUNT', ARGV[2])
end
return {job[1] or '', job[2] or '0', pages}
`;

/**
 * KEYS: index. ARGV: prefix, upper bound of the ids ("+" or "(id"), count. Returns [fields, transitions] of each job,
 * newest first, as they were at one instant.
 */
export const LIST_LUA = `
local jobs = {}
for i, id in ipairs(redis.call('ZRANGE', KEYS[1], ARGV[2], '-', 'BYLEX', 'REV', 'LIMIT', 0, ARGV[3])) do
  local key = ARGV[1] .. ':job:' .. id
  jobs[i] = {redis.call('HGETALL', key), redis.call('LRANGE', key .. ':transitions', 0, -1)}
end
return jobs
`;

/** KEYS: record, transitions. Returns [fields, transitions] as they were at one instant. */
export const GET_LUA = `return {redis.call('HGETALL', KEYS[1]), redis.call('LRANGE', KEYS[2], 0, -1)}`;
