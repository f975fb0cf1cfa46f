//! Templates beside their cases: any text, where binaries come from, how errors show.

mod binary;
mod diagnostics;
mod robust;
