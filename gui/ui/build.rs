//! Makes Rust of the .slint files.

fn main() {
    // Tests find elements by name, and that needs the names.
    let config = slint_build::CompilerConfiguration::new().with_debug_info(true).with_style("fluent".to_owned());
    slint_build::compile_with_config("ui/app.slint", config).expect("the .slint files are right");
}
