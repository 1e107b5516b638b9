CREATE TABLE installation (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO installation VALUES ('version', '1.0.0'), ('state', 'healthy');

CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  author TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  is_draft INTEGER NOT NULL
);

-- A generator that always gives the same numbers, and sixteen words of eight letters.
WITH RECURSIVE
  words(text) AS (VALUES ('the     boat    leaves  at      noon    from    a       quiet   harbour with    seven   lamps   and     no      wind    today   ')),
  draw(id, seed) AS (
    SELECT 1, 20240205
    UNION ALL
    SELECT id + 1, (seed * 1103515245 + 12345) % 2147483648 FROM draw WHERE id < 300000
  )
INSERT INTO notes (id, author, title, body, is_draft)
SELECT
  id,
  'author ' || (seed / 4096 % 500),
  CASE seed / 65536 % 300 WHEN 0 THEN 'Untitled' ELSE 'Note ' || id END,
  rtrim(substr(text, 1 + 8 * (seed / 1048576 % 16), 8)) || ' ' ||
  rtrim(substr(text, 1 + 8 * (seed / 16777216 % 16), 8)) || ' ' ||
  rtrim(substr(text, 1 + 8 * (seed / 134217728 % 16), 8)) || ' ' ||
  rtrim(substr(text, 1 + 8 * (seed / 8192 % 16), 8)) || ' ' || (seed / 256 % 5000) ||
  CASE seed / 512 % 3 WHEN 0 THEN '' ELSE ' and again' END,
  seed / 1024 % 97 = 0
FROM draw, words;
