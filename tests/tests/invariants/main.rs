//! What holds for the whole workspace: its architecture and the rules of the house.

mod architecture;
mod deployed;
mod house;
