#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cambist_fuzz::exchange_form(data));
