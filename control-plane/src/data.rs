//! The data folder: where its files are, who may read them, and that only one process has it.

use std::{
    error, fmt,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use cambist_core::secret::Secret;

use crate::{
    args,
    keys::seal::{Kek, SealError},
    store::StoreError,
};

/// A data folder that this process holds.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Held until the process ends.
    _lock: File,
}

/// Why a deployment cannot be made or started. Each says what to do.
#[derive(Debug)]
pub enum StartError {
    /// A file could not be used.
    File(PathBuf, io::Error),
    /// Another process has the folder.
    InUse(PathBuf),
    /// There is no deployment in the folder.
    NotInitialised(PathBuf),
    /// There is one.
    AlreadyInitialised(PathBuf),
    /// The key-encryption key is missing.
    NoKek(PathBuf),
    /// Others may read the key-encryption key.
    OpenKek(PathBuf),
    /// The key-encryption key is of no use.
    Kek(SealError),
    /// The authority is no URL that can be one.
    Authority(&'static str),
    /// The store failed.
    Store(StoreError),
    /// The address cannot be listened on.
    Listen(io::Error),
    /// Something else of ours.
    Internal(String),
}

// === impl DataFolder ===

impl DataFolder {
    /// Makes the folder if need be, for its owner alone, and takes hold of it.
    pub fn create(path: &Path) -> Result<Self, StartError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))?;
        let folder = Self::hold(path)?;
        let file = folder.database();
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&file)
            .map_err(at(&file))?;
        Ok(folder)
    }

    /// Takes hold of a folder that `cambist init` made.
    pub fn open(path: &Path) -> Result<Self, StartError> {
        if !path.join("cambist.db").is_file() {
            return Err(StartError::NotInitialised(path.to_owned()));
        }
        Self::hold(path)
    }

    fn hold(path: &Path) -> Result<Self, StartError> {
        let file = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&file)
            .map_err(at(&file))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StartError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(StartError::File(file, error)),
        }
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.path.join("cambist.db")
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key-encryption key from the environment or its file.
    pub fn kek(&self) -> Result<Kek, StartError> {
        if let Some(text) = args::kek_variable() {
            return Kek::parse(text.expose()).map_err(StartError::Kek);
        }
        let file = self.path.join("kek");
        let mode = match fs::metadata(&file) {
            Ok(metadata) => metadata.permissions().mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StartError::NoKek(file)),
            Err(error) => return Err(StartError::File(file, error)),
        };
        if mode & 0o077 != 0 {
            return Err(StartError::OpenKek(file));
        }
        let text = fs::read_to_string(&file).map(Secret::new).map_err(at(&file))?;
        Kek::parse(text.expose()).map_err(StartError::Kek)
    }

    /// The key-encryption key, made when there is neither variable nor file.
    pub fn kek_or_new(&self) -> Result<Kek, StartError> {
        match self.kek() {
            Err(StartError::NoKek(file)) => {
                let text = Kek::generate().map_err(StartError::Kek)?;
                let mut new = OpenOptions::new()
                    .create_new(true)
                    .write(true)
                    .mode(0o600)
                    .open(&file)
                    .map_err(at(&file))?;
                writeln!(new, "{}", text.expose()).and_then(|()| new.sync_all()).map_err(at(&file))?;
                // The database must not outlive the name of its key.
                File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(at(&self.path))?;
                self.kek()
            }
            other => other,
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError::File(path.to_owned(), error)
}

// === impl StartError ===

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::InUse(path) => write!(
                f,
                "{} is in use by another `cambist`: stop it first, or choose another folder with --data",
                path.display()
            ),
            Self::NotInitialised(path) => write!(
                f,
                "there is no deployment in {0}: run `cambist init --authority https://… --data {0}` first",
                path.display()
            ),
            Self::AlreadyInitialised(path) => write!(
                f,
                "there is a deployment in {0} already: start it with `cambist serve --data {0}`",
                path.display()
            ),
            Self::NoKek(path) => write!(
                f,
                "there is no key-encryption key: put it back at {}, or set CAMBIST_KEK",
                path.display()
            ),
            Self::OpenKek(path) => write!(f, "others may read {0}: run `chmod 600 {0}`", path.display()),
            Self::Kek(SealError::Refused) => f.write_str(
                "the key-encryption key is not the one this deployment was made with: put the right one in the file \
                 `kek` of the data folder, or in CAMBIST_KEK",
            ),
            Self::Kek(error) => error.fmt(f),
            Self::Authority(advice) => write!(f, "--authority {advice}"),
            Self::Store(error) => {
                let cause = error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                write!(f, "{error}: {cause}")
            }
            Self::Listen(error) => write!(f, "cannot listen: {error}; choose another address with --listen"),
            Self::Internal(detail) => f.write_str(detail),
        }
    }
}

impl error::Error for StartError {}
