//! No bytes make the loader panic, and every finding's place lies inside its file.
